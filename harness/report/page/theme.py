"""The colours of the page, light and dark, as CSS."""

from __future__ import annotations

from harness.report.palette import style_of

LIGHT = {
    "ground": "#FFFFFF",
    "panel": "#F6F7F9",
    "ink": "#1C1F23",
    "quiet": "#555C66",
    "rule": "#D5D9DF",
    "grid": "#E6E8EC",
    "accent": "#0B5CAD",
    "mark": "#B3261E",
}
"""By use: text is `ink` and `quiet`, links and focus are `accent`, a chosen point is `mark`."""

DARK = {
    "ground": "#15181C",
    "panel": "#1E2227",
    "ink": "#E8EAED",
    "quiet": "#A7AFBA",
    "rule": "#3A4049",
    "grid": "#2A2F36",
    "accent": "#7CB7F5",
    "mark": "#FF8A80",
}

N_STYLES = 8


def make_theme_css() -> str:
    """Return both themes: the system's preference, then the page's switch; light on paper."""
    light = _declare("light", LIGHT, [style_of(k).light_colour for k in range(N_STYLES)])
    dark = _declare("dark", DARK, [style_of(k).dark_colour for k in range(N_STYLES)])
    classes = "\n".join(f".s{k} {{ --own: var(--s{k}); }}" for k in range(N_STYLES))
    return (
        f":root {{ {light} }}\n"
        f"@media (prefers-color-scheme: dark) {{ :root {{ {dark} }} }}\n"
        f":root[data-theme=light] {{ {light} }}\n"
        f":root[data-theme=dark] {{ {dark} }}\n"
        f":root.printing, :root.printing[data-theme] {{ {light} }}\n"
        f"@media print {{ :root, :root[data-theme] {{ {light} }} }}\n"
        f"{classes}\n"
    )


def _declare(scheme: str, colours: dict[str, str], series: list[str]) -> str:
    named = colours | {f"s{place}": colour for place, colour in enumerate(series)}
    values = " ".join(f"--{name}: {colour};" for name, colour in named.items())
    return f"color-scheme: {scheme}; {values}"
