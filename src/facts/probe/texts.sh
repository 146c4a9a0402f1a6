# Files that are read as they are, of all groups, by one program.
section texts
lines $texts
