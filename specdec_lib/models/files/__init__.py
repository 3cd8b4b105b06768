"""What lies in a model's folder, looked at before and while weights are read."""
