"""The command line: commands (app), options (arguments), terminal output (terminal, errors)."""
