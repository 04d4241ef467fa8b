//! Rollouts are optional: a round in which all of them fail is not the end.

use tts_core::toy::ToyWorld;
use tts_core::*;

/// Asks for one step, a rollout from it, and then the rest.
struct Peek(u32);

impl SearchStrategy for Peek {
    fn step(&mut self, view: &mut View<'_>) -> Vec<Expand> {
        self.0 += 1;
        let first = NodeId(1);
        match self.0 {
            1 => vec![Expand::step(NodeId::ROOT, 1)],
            2 => vec![Expand { kind: NodeKind::Rollout, ..Expand::end(first, 2) }],
            3 => {
                assert!(view.fresh().is_empty());
                vec![Expand::end(first, 1)]
            }
            _ => Vec::new(),
        }
    }
}

/// Fails the second batch.
struct Faulty(ToyWorld, std::sync::atomic::AtomicUsize);

impl Generator for Faulty {
    fn generate(&self, batch: &[Request]) -> Result<Vec<Generated>, BoxError> {
        let mut made = self.0.generate(batch)?;
        if self.1.fetch_add(1, std::sync::atomic::Ordering::Relaxed) == 1 {
            let lines = made.iter_mut().flat_map(|generated| &mut generated.lines);
            lines.for_each(|line| *line = Err(LineError("no more memory".into())));
        }
        Ok(made)
    }
}

#[test]
fn a_round_of_failed_rollouts_is_not_the_end() {
    let world = ToyWorld::default();
    let outcome = Search::new(Faulty(world, 0.into()))
        .rule(StepRule::lines())
        .run(Peek(0), world.prompt(0))
        .expect("goes on");
    assert_eq!((outcome.failed.len(), outcome.stop), (2, Stop::Done));
    assert!(outcome.tree[outcome.best.expect("an answer")].is_finished());
}
