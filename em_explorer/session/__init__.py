"""A run being watched: worker thread, controller, settings. Qt without widgets."""
