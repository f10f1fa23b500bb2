"""Tabs: one per model."""
