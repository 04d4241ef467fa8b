//! Test-time scaling of language models, without the models.

pub mod answer;
