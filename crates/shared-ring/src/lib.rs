//! Links: a pair of pages, each with one writer, that carry fixed-size entries both ways between two PDs.
#![no_std]
