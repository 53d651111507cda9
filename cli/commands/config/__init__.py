"""`flux config`, a file a subcommand or a few that are alike."""
