//! Searches written from top to bottom: an `async fn` that asks for lines and waits for them.
//!
//! Where a decision follows from the leaves (which to keep, how often to branch), a
//! [`SearchStrategy`] is the form. Where it follows from a story (draft, critique, revise, critique
//! again), the story is a [`Script`], and [`Scripted`] makes a strategy of it: driven, batched with every
//! other problem, counted, recorded and resumed like any other, within `Forest` and other decorators
//! too. There is no runtime and no I/O behind it: whenever the lines of a round are in, the future is
//! polled once, and all that it has asked by then is the next round. So what is asked before anything
//! is awaited runs together; [`all`] waits for many.
//!
//! A script is deterministic as long as it awaits nothing but this module's futures and takes its
//! random numbers from its [`Desk`]: then playing its record back tells the same story.
//!
//! Source: none; the form of an `async` function, whose states the compiler writes.

mod ask;
mod desk;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

pub use self::ask::Ask;
pub use self::desk::{Desk, Line, Reply};
use super::strategy::{Expand, Requirements, SearchStrategy, View};
use crate::{NodeId, Tree};

/// A search as a story, see the [module](self).
///
/// ```
/// use tts_core::toy::{Oracle, ToyWorld};
/// use tts_core::{Ask, Desk, NodeId, Script, Scripted, Search, StepRule};
///
/// /// Two drafts; the better one is shown to the model once more.
/// #[derive(Clone)]
/// struct Twice;
///
/// impl Script for Twice {
///     async fn play(self, desk: Desk) -> Option<NodeId> {
///         let drafts = desk.ask(Ask::problem().times(2)).await;
///         let best = drafts.iter().max_by(|a, b| a.score.total_cmp(&b.score))?;
///         desk.prefer(best.node);
///         let again = desk.line(Ask::of(desk.problem()).about(best.node)).await?;
///         Some(if again.score > best.score { again.node } else { best.node })
///     }
/// }
///
/// let world = ToyWorld::default();
/// let oracle = Oracle::of(&world);
/// let search = Search::new(&world).scorer(&oracle).rule(StepRule::lines());
/// let outcome = search.run(Scripted::of(Twice), world.prompt(0))?;
/// assert_eq!(outcome.usage.logical.samples, 3);
/// # Ok::<(), tts_core::SearchError>(())
/// ```
pub trait Script: Clone + Send + 'static {
    /// The story; what it returns is the answer, or, of a line that was cut, what comes of it
    /// ([`crate::Tree::led_to`]).
    fn play(self, desk: Desk) -> impl Future<Output = Option<NodeId>> + Send;

    /// Looks at the settings, as [`SearchStrategy::check`].
    ///
    /// # Errors
    /// A sentence that names the field and what it should be.
    fn check(&self) -> Result<(), String> {
        Ok(())
    }

    /// What it needs of the search, as [`SearchStrategy::requires`].
    fn requires(&self) -> Requirements {
        Requirements::default()
    }
}

type Play = Pin<Box<dyn Future<Output = Option<NodeId>> + Send>>;

/// A [`Script`] as a strategy. A copy starts anew.
pub struct Scripted<S> {
    /// The story.
    pub script: S,
    state: State,
}

/// Where a story stands.
#[derive(Default)]
struct State {
    play: Option<(Desk, Play)>,
    /// The tickets of the last decisions, in their order.
    waiting: Vec<u64>,
    chosen: Option<NodeId>,
}

impl<S> Scripted<S> {
    /// A story that has not begun.
    pub fn of(script: S) -> Self {
        Self { script, state: State::default() }
    }
}

impl<S: Clone> Clone for Scripted<S> {
    fn clone(&self) -> Self {
        Self::of(self.script.clone())
    }
}

impl<S: std::fmt::Debug> std::fmt::Debug for Scripted<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Scripted").field(&self.script).finish()
    }
}

impl<S: PartialEq> PartialEq for Scripted<S> {
    fn eq(&self, other: &Self) -> bool {
        self.script == other.script
    }
}

impl<S: Default> Default for Scripted<S> {
    fn default() -> Self {
        Self::of(S::default())
    }
}

impl<S: serde::Serialize> serde::Serialize for Scripted<S> {
    fn serialize<T: serde::Serializer>(&self, serializer: T) -> Result<T::Ok, T::Error> {
        self.script.serialize(serializer)
    }
}

impl<'de, S: serde::Deserialize<'de>> serde::Deserialize<'de> for Scripted<S> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        S::deserialize(deserializer).map(Self::of)
    }
}

impl<S: Script> SearchStrategy for Scripted<S> {
    fn step(&mut self, view: &mut View<'_>) -> Vec<Expand> {
        let state = &mut self.state;
        if view.is_start() {
            let (problem, task) = (view.tree().prompt(), view.tree().task());
            let desk = Desk::new(Arc::clone(problem), Arc::clone(task));
            let play = Box::pin(self.script.clone().play(desk.clone()));
            *state = State { play: Some((desk, play)), ..State::default() };
        }
        let Some((desk, play)) = &mut state.play else { return Vec::new() };
        desk.deliver(view, &std::mem::take(&mut state.waiting));
        let polled = play.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        let asked = desk.collect(view, &mut state.chosen);
        if let Poll::Ready(chosen) = polled {
            state.chosen = chosen.or(state.chosen);
            state.play = None;
            return Vec::new();
        }
        let mut decisions = Vec::with_capacity(asked.len());
        for (ticket, ask) in asked {
            state.waiting.push(ticket);
            decisions.push(ask.decide(view));
        }
        decisions
    }

    fn pick(&self, tree: &Tree) -> Option<NodeId> {
        let chosen = self
            .state
            .chosen
            .map(|node| tree.led_to(node, crate::Aggregate::ByScale).unwrap_or(node));
        chosen.or_else(|| tree.best(crate::Aggregate::ByScale))
    }

    fn check(&self) -> Result<(), String> {
        self.script.check()
    }

    fn requires(&self) -> Requirements {
        self.script.requires()
    }
}

/// What all of these come to, in their order; they run together.
pub async fn all<F: Future>(futures: impl IntoIterator<Item = F>) -> Vec<F::Output> {
    let mut futures: Vec<Pin<Box<F>>> = futures.into_iter().map(Box::pin).collect();
    let mut outputs: Vec<Option<F::Output>> = futures.iter().map(|_| None).collect();
    std::future::poll_fn(move |context| {
        let mut done = true;
        for (future, output) in futures.iter_mut().zip(&mut outputs) {
            if output.is_none() {
                match future.as_mut().poll(context) {
                    Poll::Ready(value) => *output = Some(value),
                    Poll::Pending => done = false,
                }
            }
        }
        if !done {
            return Poll::Pending;
        }
        Poll::Ready(outputs.iter_mut().filter_map(Option::take).collect())
    })
    .await
}
