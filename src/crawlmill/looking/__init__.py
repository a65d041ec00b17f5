"""Look at archives: their records one after the other, one record, a list of all, whether they are sound."""
