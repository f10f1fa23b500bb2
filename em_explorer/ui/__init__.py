"""Everything that is drawn: window, tabs, views, forms, themes."""

from __future__ import annotations

from em_explorer.ui.quick_start import spare_copies, spare_sources

# Before anything that imports pyqtgraph, and every module below is imported after this one.
spare_sources()
spare_copies()
