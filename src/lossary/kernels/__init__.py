"""What changes the class of memory or speed, for losses that need it."""
