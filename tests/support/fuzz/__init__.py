"""Broken files, plans and arguments by the thousand: whole ones, and what is done to them out of a seed."""
