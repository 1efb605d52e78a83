use super::*;

#[test]
fn versions_come_from_the_lock_file() {
    let lock = include_str!("../../../Cargo.lock");
    assert_eq!(locked_version(lock, "bergen-amqp"), "0.1.0");
    assert!(locked_version(lock, "lapin").starts_with("4."));
    assert_eq!(locked_version(lock, "no-such-crate"), "?");
}

#[test]
fn this_machine_has_a_processor_and_memory() {
    let machine = Machine::here();
    assert!(machine.cores > 0 && machine.memory_mib > 100, "{machine:?}");
}

#[test]
fn a_program_that_is_not_there_has_no_output() {
    assert_eq!(output_of("no-such-program-at-all", &[]), "?");
    assert_eq!(output_of("echo", &["a"]), "a");
}

#[test]
fn a_busy_machine_is_told_of() {
    let mut machine = Machine::here();
    machine.load_before = 0.1;
    assert_eq!(machine.caution(), "");
    machine.load_before = 3.0;
    assert!(machine.caution().contains("Something else was running"));
}
