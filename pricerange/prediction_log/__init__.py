"""The prediction log, which the service writes and others read: its columns, and what hides a value."""
