"""Colours that pictures and pages share; here, because a page is made without matplotlib."""

from __future__ import annotations

INK, FAINT, ACCENT = "#222222", "#D9D9D9", "#B0306A"
KERNEL, COPY = "#4C78A8", "#F58518"
