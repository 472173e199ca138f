"""The command line: commands (app), options (arguments), and what the terminal shows (terminal)."""
