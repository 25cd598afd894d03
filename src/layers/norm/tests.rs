//! Normalisation by hand.
