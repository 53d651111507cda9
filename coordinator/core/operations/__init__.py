"""What takes turns in the machine, one file each: a start, a change, a confirmation, one module."""
