"""Making releases of the agent; see docs/releases.md."""
