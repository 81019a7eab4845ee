//! The steps that a writer takes: each sends one mutation with an input at random, tells beforehand
//! what is to come of it, and puts that into the model.

mod article;
mod front;
mod section;
mod story;
mod thing;
