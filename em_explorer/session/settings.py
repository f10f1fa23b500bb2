"""What the window remembers from one day to the next, as a small TOML file."""

from __future__ import annotations

import contextlib
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Settings:
    """Choices that outlive the window.

    Attributes
    ----------
    theme : {"light", "dark"}
    animate : bool
        Glide between half-steps.
    trace_megabytes : int
        Memory for the history of a run; beyond it, half-steps are computed again when looked at.
    threads : int
        How many threads an E-step uses; 0 leaves the window a core and takes all others.
    """

    theme: str = "light"
    animate: bool = True
    trace_megabytes: int = 512
    threads: int = 0


def settings_file() -> Path:
    """Return where the settings are kept."""
    from platformdirs import user_config_path

    return user_config_path("em_explorer", appauthor=False) / "settings.toml"


def load_settings() -> Settings:
    """Return the settings kept; what is missing or spoiled is as on the first day."""
    settings = Settings()
    try:
        content = _read(settings_file())
    except FileNotFoundError:
        return settings
    except (OSError, ValueError) as error:
        import logging

        logging.getLogger(__name__).warning("The settings can't be read and start anew: %s", error)
        return settings
    kept: dict[str, Any] = {}
    for field in fields(Settings):
        value = content.get(field.name)
        if type(value) is type(field.default):
            kept[field.name] = value
    return replace(settings, **kept)


def _read(path: Path) -> dict[str, Any]:
    text = path.read_text(encoding="utf-8")
    import tomllib  # on the way to the first frame only where there is something to read

    return tomllib.loads(text)


def save_settings(settings: Settings) -> None:
    """Keep the settings; a read-only home is no reason to trouble anybody."""
    import tomli_w

    with contextlib.suppress(OSError):
        path = settings_file()
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(tomli_w.dumps(asdict(settings)), encoding="utf-8")
