"""Modules' processes: started, watched, ended, reaped."""
