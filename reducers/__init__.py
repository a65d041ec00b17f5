"""One module a way to merge. Each is a reducer by itself: pure functions over plain data that import nothing of ours."""
