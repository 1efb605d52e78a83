use super::*;

#[test]
fn columns_line_up_and_the_second_line_is_markdown() {
    let mut table = Table::new(["who", "calls/s"]);
    table.row(["bergen", "1"]);
    let expected = "| who    | calls/s |\n|--------|--------:|\n| bergen |       1 |\n";
    assert_eq!(table.to_string(), expected);
}

#[test]
fn figures_have_the_digits_they_are_worth() {
    let shown = [1_234_567.0, 999.4, 12.34, 0.126].map(|value| figure(Some(value)));
    assert_eq!(shown, ["1 234 567", "999", "12.3", "0.13"]);
    assert_eq!(figure(None), "–");
}

#[test]
fn ratios_need_both_figures() {
    assert_eq!(ratio(Some(10.0), Some(4.0)), "×2.5");
    assert_eq!(ratio(Some(10.0), None), "–");
    assert_eq!(ratio(Some(10.0), Some(0.0)), "–");
}
