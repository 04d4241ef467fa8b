//! Any text as a recipe: an error, or a recipe that is the same after it was written and read, and
//! that searches within a budget.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tts_core::toy::{Oracle, ToyWorld};
use tts_core::{Budget, Mode, Search};
use tts_search::Recipe;

fuzz_target!(|text: &str| {
    let Ok(recipe) = Recipe::from_json(text) else { return };
    let written = serde_json::to_string(&recipe).expect("recipes are JSON");
    assert_eq!(Recipe::from_json(&written).ok(), Some(recipe.clone()), "{written}");
    // A round of a million lines is allowed, and no use to look at here.
    if text.bytes().filter(u8::is_ascii_digit).count() > 6 {
        return;
    }
    let (world, budget) = (ToyWorld::default(), Budget { mode: Mode::Hard, ..Budget::tokens(300) });
    let oracle = Oracle::of(&world);
    let search = Search::new(&world).scorer(&oracle).budget(budget);
    if let Ok(outcome) = search.run(recipe, world.prompt(0)) {
        assert!(outcome.usage.logical.generated_tokens <= 300, "{text}");
    }
});
