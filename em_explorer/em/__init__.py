"""The engine: protocol, driver, snapshots, trace. Knows no model, no window."""
