use super::*;

const FILE: &str = "events: Ir\nfn=(1) main\n16 3\n+1 4\ncfn=(2) malloc\ncalls=3 0\n17 300\n\
                    cfn=(3) free\ncalls=9 0\n17 90\nfn=(2)\n1 200\n\
                    fn=(4) tokio::run<bergen_amqp::Task>\n* 33\ncfn=(2)\ncalls=5 +7\n* 500\n";

#[test]
fn a_file_of_callgrind_is_read() {
    let cost = Cost::read(FILE, 4).unwrap();
    assert!((cost.instructions - 60.0).abs() < 1e-9, "{cost:?}");
    assert!((cost.allocations - 2.0).abs() < 1e-9, "{cost:?}");
}

#[test]
fn instructions_are_those_of_the_part_named_first() {
    let cost = Cost::read(FILE, 1).unwrap();
    let part = |name| {
        let index = PARTS.iter().position(|part| part.name == name).unwrap();
        cost.parts[index].round()
    };
    let found = ["tokio", "AMQP", "allocator", "rest"].map(part);
    assert!(
        found
            .iter()
            .zip([33.0, 0.0, 200.0, 7.0])
            .all(|(found, expected)| (found - expected).abs() < 1e-9),
        "{found:?}"
    );
}

#[test]
fn a_part_that_never_ran_is_no_measurement() {
    assert_eq!(Cost::read("events: Ir\ntotals: 0\n", 4), None);
    assert_eq!(Cost::read("", 4), None);
}
