"""Results files of sweeps: listed, filtered, merged and exported, also those that do not fit into memory."""
