//! The steps of a writer. Each sends one mutation with random input, predicts the outcome, and applies it
//! to the model.

mod article;
mod crud;
mod home;
mod section;
mod story;
