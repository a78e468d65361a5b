"""Reading data sets from files, without executing anything that they say."""
