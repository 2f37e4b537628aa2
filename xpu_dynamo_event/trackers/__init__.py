"""Dynamo trackers: what a program says about events and streams becomes ops of the graph."""
