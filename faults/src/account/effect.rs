//! How much a fault was felt: what shows that it happened at all.

use std::collections::BTreeMap;

use super::Facts;
use super::life::Life;

/// The longest time without an answered call since the fault began, of any direction.
pub(super) fn longest_silence(lives: &[Life<'_>], facts: &Facts) -> f64 {
    let mut answers: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for life in lives.iter().filter(|life| life.kind == "call") {
        let times = answers.entry(life.direction()).or_default();
        times.extend(life.answered().filter(|at| *at >= facts.begin));
    }
    let mut longest = 0.0_f64;
    for times in answers.values_mut() {
        times.sort_by(f64::total_cmp);
        let mut before = facts.begin;
        for at in times {
            longest = longest.max(*at - before);
            before = *at;
        }
    }
    longest
}

/// The longest that a call took which ended well after the fault had begun.
pub(super) fn slowest_answer(lives: &[Life<'_>], facts: &Facts) -> f64 {
    let calls = lives.iter().filter(|life| life.kind == "call");
    let took = calls.filter_map(|life| Some((life.made, life.answered()?)));
    let felt = took.filter(|(_, ended)| *ended >= facts.begin);
    felt.map(|(made, ended)| ended - made).fold(0.0, f64::max)
}
