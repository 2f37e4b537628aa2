"""Passes over captured graphs: event ops become barriers that every backend respects."""
