"""The forward of a decoder as one function of machine code, from C++ that is built here once."""
