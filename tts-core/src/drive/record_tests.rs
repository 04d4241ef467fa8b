//! What a record knows of what was asked: whatever a request says makes another hash.

use super::*;
use crate::{Expand, NodeKind, Request, Trajectory, Until};

fn call(request: Request) -> Call {
    let expand = Expand::end(NodeId::ROOT, 1);
    let (parent, kind, bounded_by) = (NodeId::ROOT, NodeKind::Committed, None);
    Call { expand, origin: 0, parent, kind, request, reader: 0, bounded_by }
}

#[test]
fn another_request_has_another_hash() {
    let prompt = Arc::new(Prompt::from("2 + 2?"));
    let base = Request::new(Trajectory::new(prompt, Vec::new(), 0, false), vec![1, 2]);
    let of = |request: &Request| digest(&[call(request.clone())]);
    assert_eq!(of(&base), of(&base.clone()));
    let another = Trajectory::new(Arc::new(Prompt::from("2 + 3?")), Vec::new(), 0, false);
    for changed in [
        Request { prefix: another, ..base.clone() },
        Request { seeds: vec![1, 3], ..base.clone() },
        Request { sampling: Sampling::temperature(0.7), ..base.clone() },
        Request { rule: Arc::new(StepRule::lines()), ..base.clone() },
        Request { given: vec![7], ..base.clone() },
        Request { max_tokens: base.max_tokens - 1, ..base.clone() },
    ] {
        assert_ne!(of(&changed), of(&base), "{changed:?}");
    }
    let further = Call {
        expand: Expand { until: Until::Step, ..call(base.clone()).expand },
        ..call(base.clone())
    };
    assert_ne!(digest(&[further]), of(&base));
    assert_ne!(digest(&[call(base.clone()), call(base.clone())]), of(&base));
}
