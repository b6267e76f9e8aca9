"""Writes the dashboards' files: ``python -m dashboards``."""

from __future__ import annotations

from dashboards.files import texts

if __name__ == "__main__":
    for place, text in texts().items():
        place.write_text(text)
        print(place)
