"""Pure: an event in, effects out.  Start at machine.py."""
