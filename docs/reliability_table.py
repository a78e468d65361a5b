"""Write the table of docs/reliability.md from docs/reliability.json, which `make soak` writes."""

import json
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
PAGE, FIGURES = HERE / "reliability.md", HERE / "reliability.json"
BEGIN, END = "<!-- table: written by `make soak` -->", "<!-- end of table -->"

OURS = "test_reliability.py::test_"
KILLS = f"{OURS}killed_again_and_again"
SLEEPER = f"{OURS}a_process_that_does_not_find_out_is_ended"
LOST = (
    f"{OURS}one_of_two_processes_is_killed",
    f"{OURS}one_of_two_processes_that_the_program_started_is_killed",
)
SAVES = {
    "SIGKILL before each access of a save to a file, one after the other": (
        "test_checkpoint.py::test_a_kill_before_any_access_to_a_file_leaves_a_whole_checkpoint"
    ),
    "SIGKILL at random moments of saves without end": (
        "test_checkpoint.py::test_a_kill_at_a_random_moment_leaves_a_whole_checkpoint"
    ),
}
ROWS: dict[str, tuple[str, ...]] = {
    "SIGTERM and Ctrl-C, in steps, in evaluations, twice, to one of two processes": (
        f"{OURS}a_signal_saves_after_the_step",
        f"{OURS}a_signal_in_an_evaluation_ends_after_the_epoch",
        f"{OURS}the_second_ctrl_c_does_not_wait",
        f"{OURS}a_signal_to_one_of_two_processes_ends_both",
    ),
    "one of two processes killed: the other ends with an error": (*LOST, SLEEPER),
    "resumed by another number of processes": (f"{OURS}another_number_of_processes_goes_on",),
    "the newest checkpoint truncated, changed in one bit, deleted, or none whole": (
        f"{OURS}the_newest_checkpoint_is_damaged",
        f"{OURS}no_checkpoint_is_whole",
    ),
    "every file of a checkpoint truncated, longer, changed, gone, a link, a pipe": (
        "test_checkpoint.py::test_damage_is_found_and_the_one_before_is_taken",
    ),
    "the disk full, or a limit of the size of files reached, in a save": (
        f"{OURS}a_full_disk_while_training",
        f"{OURS}a_limit_of_the_size_of_files_while_training",
        "test_checkpoint.py::test_a_disk_that_is_full_is_said_before",
        "test_checkpoint.py::test_a_disk_that_becomes_full_loses_nothing",
        "test_checkpoint.py::test_a_limit_of_the_size_of_files_loses_nothing",
    ),
    "nan in data, loss or gradient": (
        f"{OURS}nan_stops_before_the_step",
        f"{OURS}a_window_with_nan_is_as_if_it_were_not_there",
        f"{OURS}the_budget_holds_over_a_resume",
    ),
    "nan in a metric": (
        f"{OURS}a_metric_that_is_nan_is_never_the_best",
        f"{OURS}a_metric_that_is_always_nan_stops_and_saves_all_the_same",
    ),
    "a worker process raises, dies or hangs": (
        "test_batches.py::test_a_sample_that_raises_is_named",
        "test_batches.py::test_a_worker_that_ends_or_hangs_names_its_sample",
        "test_batches.py::test_persistent_workers_that_died_between_epochs_are_replaced",
    ),
    "ragged last windows, on two and three processes, and accumulated": (
        "test_exact.py::test_two_processes_are_one_with_the_whole_batch",
        "test_exact.py::test_accumulated_batches_are_the_whole_batch",
        "test_exact.py::test_accumulated_in_three_processes",
        "test_exact.py::test_sharded_parameters_are_trained_alike",
    ),
    "resumed with other settings, in a used directory, or at the end": (
        f"{OURS}other_settings_are_refused_by_name",
        f"{OURS}a_used_directory_is_not_begun_anew",
        f"{OURS}a_finished_training_is_not_trained_again",
    ),
}


def table(found: dict[str, Any]) -> str:
    """Return the table, and a sentence on where and when it was made."""
    tests = found["tests"]
    kills = {
        f"SIGKILL {phase}, resumed, to the end": (KILLS, sum(each))
        for phase, each in sorted(tests[KILLS]["figures"].items())
    }
    kills |= {fault: (name, sum(tests[name]["figures"]["kills"])) for fault, name in SAVES.items()}
    lines = ["| fault | cases | came out right |", "|---|---:|---:|"]
    for fault, (name, number) in kills.items():
        right = "not all" if tests[name]["failed"] else number
        lines.append(f"| {fault} | {number} | {right} |")
    for fault, names in ROWS.items():
        passed = sum(tests[name]["passed"] for name in names)
        failed = sum(tests[name]["failed"] for name in names)
        lines.append(f"| {fault} | {passed + failed} | {passed} |")
    heard = max(s for name in LOST for s in tests[name]["figures"]["seconds"])
    unheard = max(tests[SLEEPER]["figures"]["seconds"])
    skipped = sum(test["skipped"] for test in tests.values())
    passed = sum(test["passed"] for test in tests.values())
    return "\n".join(
        [
            *lines,
            "",
            f"A process went on for at most {heard:.1f} seconds after another one was killed, and "
            f"for {unheard:.1f} where no error reached it.",
            f"Of the tests that `make soak` runs, these and others, {passed} passed, "
            f"{sum(test['failed'] for test in tests.values())} failed and {skipped} were skipped, "
            f"on {found['date']} with torch {found['torch']} and Python {found['python']}.",
        ]
    )


def with_table(page: str, found: dict[str, Any]) -> str:
    """Return the page with these figures."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{table(found)}\n\n{END}{after}"


if __name__ == "__main__":
    figures = json.loads(FIGURES.read_text(encoding="utf-8"))
    PAGE.write_text(with_table(PAGE.read_text(encoding="utf-8"), figures), encoding="utf-8")
