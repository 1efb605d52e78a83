use super::*;

#[test]
fn a_name_with_brackets_and_spaces_does_not_shift_the_fields() {
    let stat = "7 (a) b (c) S 1 7 7 0 -1 4194304 100 0 0 0 250 50 0 0 20 0 3 0 99 1 1";
    assert_eq!(processor_time(stat), Some(Duration::from_secs(3)));
    assert_eq!(processor_time("7 (sh"), None);
}

#[test]
fn both_kinds_of_switches_count() {
    let status = "Name:\tx\nvoluntary_ctxt_switches:\t40\nnonvoluntary_ctxt_switches:\t2\n";
    assert_eq!(switches(status), 42);
}

#[test]
fn this_process_has_a_cost_and_a_size() {
    let process = std::process::id();
    let before = Usage::of(process).unwrap();
    let mut sum = 0_u64;
    while (Usage::of(process).unwrap() - before).cpu < TICK {
        sum = std::hint::black_box(sum.wrapping_add(1));
    }
    assert!(resident_bytes(process).unwrap() > 100_000);
}
