use proptest::prelude::*;

use super::*;
use crate::exec::native::NativeBlock;
use crate::testing::tiny_config;
use crate::weights::config::Attends;
use crate::{DecoderWeights, ModelConfig, Native, Span, Switches, Want};

/// Bytes that the nodes hold, counted afresh.
fn held(cache: &PrefixCache<NativeBlock>, native: &Native) -> usize {
    let nodes = || cache.nodes.iter().flatten();
    let parts: HashMap<usize, usize> = nodes()
        .filter_map(|node| node.block.as_ref())
        .flat_map(|block| native.parts(block).into_iter().flatten())
        .map(|part| (part.id, part.bytes))
        .collect();
    let rows = nodes().flat_map(|node| node.rows.values());
    parts.values().sum::<usize>() + rows.map(|row| size_of_val(&**row)).sum::<usize>()
}

/// Runs what the cache lacks of a path, and keeps it; how many tokens it found.
fn run(cache: &mut PrefixCache<NativeBlock>, native: &Native, tokens: &[u32], cut: usize) -> usize {
    let state = cache.begin(native, tokens, tokens.len() - 1);
    run_on(cache, native, state, tokens, cut)
}

/// As [`run`], from a state that holds the beginning of the path.
fn run_on(
    cache: &mut PrefixCache<NativeBlock>,
    native: &Native,
    mut state: crate::exec::native::NativeState,
    tokens: &[u32],
    cut: usize,
) -> usize {
    let done = native.length(&state);
    let mut rows = Vec::new();
    // In two goes with a fork between them, which leaves a block half empty.
    let cut = cut.clamp(done, tokens.len());
    for part in [done..cut, cut..tokens.len()] {
        if part.is_empty() {
            continue;
        }
        let span = Span { state: &mut state, tokens: &tokens[part.clone()], want: Want::All };
        let hidden = native.forward(&mut [span]).unwrap();
        rows.extend(part.zip(hidden.chunks(8).map(<[f32]>::to_vec)));
        native.pieces(&mut state);
    }
    cache.insert(native, tokens, native.pieces(&mut state), rows);
    done
}

fn native() -> Native {
    Native::new(DecoderWeights::random(tiny_config("llama"), 1).unwrap(), 1).unwrap()
}

/// Of two layers, the first with a window.
fn windowed(window: usize) -> Native {
    let near = Attends { window: Some(window), ..Attends::default() };
    let switches = Switches { layers: vec![near, Attends::default()], ..Switches::default() };
    let config = ModelConfig { switches, max_position_embeddings: 600, ..tiny_config("llama") };
    Native::new(DecoderWeights::random(config, 1).unwrap(), 1).unwrap()
}

fn empty(native: &Native, budget: usize) -> PrefixCache<NativeBlock> {
    PrefixCache::new(budget, native.windows())
}

/// What is noted of nodes is what they are.
fn is_sound(cache: &PrefixCache<NativeBlock>, native: &Native) -> bool {
    let nodes = cache.nodes.iter().enumerate().filter_map(|(id, node)| Some((id, node.as_ref()?)));
    let mut near = BTreeSet::new();
    for (id, node) in nodes {
        let Some(block) = &node.block else { continue };
        let whole = native.windows().is_none() || native.parts(block)[1].is_some();
        if node.whole != whole {
            return false;
        }
        if whole && native.windows().is_some() {
            near.insert((node.seen, id));
        }
    }
    near == cache.near && cache.bytes == held(cache, native)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(30))]

    #[test]
    fn the_budget_holds_and_rows_are_the_right_ones(
        paths in prop::collection::vec((prop::collection::vec(0_u32..2, 2..40), 0_usize..40), 1..40),
        budget in prop::sample::select(vec![0, 20_000, 60_000, usize::MAX]),
    ) {
        let native = native();
        let mut cache = empty(&native, budget);
        for (tokens, cut) in &paths {
            let known = cache.known(tokens);
            let done = run(&mut cache, &native, tokens, *cut);
            prop_assert_eq!(done, known.min(tokens.len() - 1));
            prop_assert_eq!(cache.bytes, held(&cache, &native));
            prop_assert!(cache.bytes <= budget);
            if budget == usize::MAX {
                prop_assert_eq!(cache.known(tokens), tokens.len());
            }
            let positions: Vec<usize> = (0..tokens.len()).collect();
            let found = cache.rows(tokens, &positions);
            let mut state = native.empty();
            let span = Span { state: &mut state, tokens, want: Want::All };
            let exact = native.forward(&mut [span]).unwrap();
            for (row, exact) in found.iter().zip(exact.chunks(8)) {
                prop_assert!(row.as_ref().is_none_or(|row| row == exact));
            }
            if budget == usize::MAX {
                prop_assert!(found.last().is_some_and(Option::is_some), "{found:?}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// Paths longer than their window: what is found can be gone on from, with the bits of a sequence that was never
    /// cut, and nothing that does not fit stays.
    #[test]
    fn what_is_found_behind_windows_can_be_gone_on_from(
        paths in prop::collection::vec((prop::collection::vec(0_u32..2, 1..7), 0_usize..150), 1..16),
        window in prop::sample::select(vec![1, 5, 24]),
        budget in prop::sample::select(vec![0, 8_000, 20_000, usize::MAX]),
    ) {
        let native = windowed(window);
        let mut cache = empty(&native, budget);
        for (ends, cut) in &paths {
            // Long common beginnings.
            let tokens: Vec<u32> = ends.iter().flat_map(|&end| [end + 1; 23]).collect();
            let (known, parted) = (cache.known(&tokens), cache.parted(&tokens));
            prop_assert!(parted.is_none_or(|at| (known + BLOCK_TOKENS..=tokens.len()).contains(&at)));
            let mut state = cache.begin(&native, &tokens, tokens.len() - 1);
            let done = native.length(&state);
            prop_assert!(done <= known && is_sound(&cache, &native));
            // It runs: nothing is missing that its next token sees.
            let span = Span { state: &mut state, tokens: &tokens[done..], want: Want::All };
            let found = native.forward(&mut [span]).unwrap();
            let mut whole = native.empty();
            let span = Span { state: &mut whole, tokens: &tokens, want: Want::All };
            let expected = native.forward(&mut [span]).unwrap();
            prop_assert_eq!(&found, &expected[done * 8..]);
            // Where it parted from others it is kept, as an engine does.
            if let Some(at) = parted.filter(|&at| at > done && at < tokens.len()) {
                let mut state = cache.begin(&native, &tokens, at);
                let begun = native.length(&state);
                let span = Span { state: &mut state, tokens: &tokens[begun..at], want: Want::Nothing };
                native.forward(&mut [span]).unwrap();
                cache.insert(&native, &tokens[..at], native.pieces(&mut state), Vec::new());
                prop_assert!(budget < usize::MAX || cache.known(&tokens[..at]) == at);
            }
            run(&mut cache, &native, &tokens, *cut);
            prop_assert!(is_sound(&cache, &native));
            prop_assert!(cache.bytes <= budget);
            prop_assert!(budget < usize::MAX || cache.known(&tokens) == tokens.len());
        }
    }
}

/// A path of 400 tokens, run one by one, holds second parts at its end alone; what branches off before finds nothing,
/// keeps its place, and is found from then on, as is the end.
#[test]
fn a_path_that_let_go_takes_less_and_is_filled_where_it_is_needed() {
    let native = windowed(24);
    let windows = native.windows().unwrap();
    let mut cache = empty(&native, usize::MAX);
    let tokens: Vec<u32> = (0..400).map(|i| 1 + i % 9).collect();
    let mut state = native.empty();
    for token in tokens.chunks(1) {
        native
            .forward(&mut [Span { state: &mut state, tokens: token, want: Want::Nothing }])
            .unwrap();
    }
    cache.insert(&native, &tokens, native.pieces(&mut state), Vec::new());
    drop(state);
    let full = 400 * (native.token_bytes() - windows.bytes);
    // The last 39 tokens, and what fills their blocks.
    assert_eq!(cache.bytes, full + 3 * BLOCK_TOKENS * windows.bytes);
    let mut branch = tokens[..250].to_vec();
    branch.extend([10; 5]);
    assert_eq!((cache.known(&branch), cache.parted(&branch)), (0, Some(250)));
    assert_eq!((cache.known(&tokens), cache.parted(&tokens)), (400, None));
    // Less than a block is not worth keeping.
    assert_eq!((cache.known(&tokens[..10]), cache.parted(&tokens[..10])), (0, None));
    run(&mut cache, &native, &branch[..250], 0);
    assert_eq!((cache.known(&branch), cache.parted(&branch)), (250, None));
    assert_eq!(cache.known(&tokens), 400);
    // The blocks of both are the same but for the last one of the branch, which the path goes on in.
    let kept = |cache: &PrefixCache<NativeBlock>| cache.nodes.iter().flatten().count();
    assert_eq!(kept(&cache), 1 + 25 + 1);
    assert!(is_sound(&cache, &native));
}

/// Second parts that nobody went on from for longest go first, and the path stays.
#[test]
fn second_parts_go_before_paths_that_were_used_since() {
    let native = windowed(24);
    let near = native.windows().unwrap().bytes * BLOCK_TOKENS;
    let block = native.token_bytes() * BLOCK_TOKENS;
    let path = |first: u32| -> Vec<u32> { (0..160).map(|i| (first + i / 32) % 11).collect() };
    let grown = |budget: usize| {
        let mut cache = empty(&native, budget);
        // A step of 32 tokens at a time, each of which is gone on from: all second parts stay.
        for end in (32..=160).step_by(32) {
            let tokens = &path(0)[..end];
            let mut state = cache.begin(&native, tokens, end);
            let done = native.length(&state);
            let span = Span { state: &mut state, tokens: &tokens[done..], want: Want::Nothing };
            native.forward(&mut [span]).unwrap();
            cache.insert(&native, tokens, native.pieces(&mut state), Vec::new());
        }
        cache
    };
    let all = grown(usize::MAX).bytes;
    assert_eq!(all, 10 * block);
    let mut cache = grown(all);
    let mut state = native.empty();
    let other = [7; 32];
    native.forward(&mut [Span { state: &mut state, tokens: &other, want: Want::Nothing }]).unwrap();
    cache.insert(&native, &other, native.pieces(&mut state), Vec::new());
    assert!(cache.bytes <= all && is_sound(&cache, &native));
    // Both ends are there; of the first path only what its end does not see has gone.
    assert_eq!((cache.known(&path(0)), cache.known(&other)), (160, 32));
    assert!(cache.known(&path(0)[..64]) < 64, "its oldest second parts are gone");
    assert_eq!(cache.bytes, 12 * block - (2 * block).div_ceil(near) * near);
}

#[test]
fn a_long_path_is_found_behind_a_short_block() {
    let native = native();
    let mut cache = empty(&native, usize::MAX);
    // The first block ends at token 5, and a second path goes on from there.
    let long: Vec<u32> = (0..30).map(|i| i % 7).collect();
    run(&mut cache, &native, &long, 5);
    // Another one shares 9 tokens in one block.
    let other: Vec<u32> = long[..9].iter().copied().chain([9; 12]).collect();
    run(&mut cache, &native, &other, 0);
    assert_eq!(cache.known(&long), 30);
    assert_eq!(cache.known(&other), 21);
    assert_eq!(cache.known(&long[..12]), 12);
}

/// Two sequences that ran side by side: neither began with what the other one had done.
#[test]
fn a_longer_block_takes_the_place_of_its_beginning_and_its_rows() {
    let native = native();
    let mut cache = empty(&native, usize::MAX);
    let tokens: Vec<u32> = (0..9).collect();
    for length in [4, 9] {
        run_on(&mut cache, &native, native.empty(), &tokens[..length], 0);
        assert_eq!(cache.bytes, held(&cache, &native));
    }
    // The root, and one block in the place of two.
    assert_eq!(cache.nodes.iter().flatten().count(), 2);
    assert_eq!(cache.bytes, native.token_bytes() * BLOCK_TOKENS + 9 * 8 * 4);
    // A beginning of what is there is there.
    let mut pieces = native.pieces(&mut cache.begin(&native, &tokens, 9));
    crate::exec::keep(&mut pieces, 6);
    cache.insert(&native, &tokens[..6], pieces, Vec::new());
    assert_eq!(cache.nodes.iter().flatten().count(), 2);
    assert_eq!(cache.known(&tokens), 9);
}

#[test]
fn what_was_used_last_stays() {
    let native = native();
    let block = native.token_bytes() * BLOCK_TOKENS;
    let mut cache = empty(&native, 3 * block + 60 * 8 * 4);
    for first in 0..3 {
        run(&mut cache, &native, &[first; 10], 0);
    }
    // Looking the first one up keeps it; the second one is the oldest now.
    cache.begin(&native, &[0; 10], 10);
    run(&mut cache, &native, &[3; 10], 0);
    let known: Vec<usize> = (0..4).map(|first| cache.known(&[first; 10])).collect();
    assert_eq!(known, [10, 0, 10, 10]);
}
