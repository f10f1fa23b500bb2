"""Views: one drawable each."""
