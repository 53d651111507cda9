"""What runs a module: its loop, its process, the process it is forked from, attachments."""
