"""Everything that is drawn: window, tabs, views, forms, themes."""
