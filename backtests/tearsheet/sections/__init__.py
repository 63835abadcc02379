"""The sections of a tearsheet: a module each, with its panels and its template beside it."""
