"""Helpdesks and exports: one room each, one shape: what to ask, how to page, how raw records become canonical rows."""
