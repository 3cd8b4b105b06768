"""Tables: records counted and summarised, with intervals; numpy, never torch."""
