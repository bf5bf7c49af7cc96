// A library needs a source to have a precompiled header.
