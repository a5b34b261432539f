"""Lambda functions that no request starts: streams and schedules. Each is one line that calls a service."""
