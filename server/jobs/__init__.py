"""Analysis and every model for clients: functions called at once or as jobs, in processes apart."""
