import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.schedulers import block
from agent.schedulers.base import Known

ME = "ep-1"
ID_A = "5f0c1f6e-7f3f-4d2b-9a53-0d9f5a6f0001"
ID_B = "5f0c1f6e-7f3f-4d2b-9a53-0d9f5a6f0002"
LINE_A = f"*/5 * * * * /home/u/.crontopus/bin/run-job CRONTOPUS:{ID_A}".encode()
LINE_B = f"0 3 * * * /home/u/.crontopus/bin/run-job CRONTOPUS:{ID_B}".encode()
BEGIN, END = b"# BEGIN CRONTOPUS ep-1\n", b"# END CRONTOPUS ep-1\n"
OTHER = b"# BEGIN CRONTOPUS ep-2\n1 1 * * * /x/run-job CRONTOPUS:" + ID_A.encode() + b"\n# END CRONTOPUS ep-2\n"


def known(**lines: bytes) -> Known:
    return Known(frozenset({ME}), {ID_A: LINE_A, ID_B: LINE_B} | lines)


def ours(*lines: bytes) -> bytes:
    return BEGIN + b"".join(line + b"\n" for line in lines) + END


def put(raw: bytes, lines: list[bytes], memory: Known | None = None) -> bytes:
    actual = block.find(raw, memory or Known(frozenset({ME})))
    return block.compose(actual.foreign, lines, ME, actual.bare_foreign)


def test_our_block_comes_last_with_one_line_per_job() -> None:
    table = put(b"MAILTO=me\n0 1 * * * backup\n", [LINE_A, LINE_B])

    assert table == b"MAILTO=me\n0 1 * * * backup\n" + ours(LINE_A, LINE_B)


def test_a_block_without_lines_is_left_out() -> None:
    assert put(b"0 1 * * * x\n" + ours(LINE_A), []) == b"0 1 * * * x\n"


def test_lines_that_were_added_below_our_block_move_above_it() -> None:
    assert put(ours(LINE_A) + b"0 1 * * * later\n", [LINE_A]) == b"0 1 * * * later\n" + ours(LINE_A)


def test_another_agents_block_is_foreign() -> None:
    actual = block.find(OTHER + ours(LINE_B), known())

    assert actual.foreign == OTHER
    assert [item.job_id for item in actual.items] == [ID_B]


def test_the_block_of_the_endpoint_this_folder_was_before_is_ours() -> None:
    raw = b"# BEGIN CRONTOPUS ep-0\n" + LINE_A + b"\n# END CRONTOPUS ep-0\n"

    actual = block.find(raw, Known(frozenset({ME, "ep-0"})))

    assert (actual.foreign, [item.line for item in actual.items]) == (b"", [LINE_A])


@pytest.mark.parametrize("raw", [b"0 1 * * * x", b"A=1\r\n0 1 * * * x\r", b"# caf\xe9"])
def test_a_table_without_final_newline_gets_one_and_loses_it_again(raw) -> None:
    first = block.find(raw, Known(frozenset({ME})))
    table = block.compose(first.foreign, [LINE_A], ME, first.bare_foreign)
    memory = Known(frozenset({ME}), {ID_A: LINE_A}, first.bare_foreign)

    assert table == raw + b"\n" + ours(LINE_A)
    assert put(table, [], memory) == raw


def test_a_newline_that_the_user_wrote_stays() -> None:
    raw = b"0 1 * * * x\n"
    stale = Known(frozenset({ME}), {}, block.digest(b"0 1 * * * x"))

    assert put(raw, [], stale) == raw


def test_a_missing_end_marker_ends_the_block_after_its_last_marked_line() -> None:
    raw = b"A=1\n" + BEGIN + LINE_A + b"\n" + LINE_B + b"\n0 1 * * * mine\n"

    actual = block.find(raw, known())

    assert actual.foreign == b"A=1\n0 1 * * * mine\n"
    assert [item.line for item in actual.items] == [LINE_A, LINE_B]
    assert actual.notes


def test_a_missing_end_marker_before_another_agents_block_spares_that_block() -> None:
    actual = block.find(BEGIN + LINE_B + b"\n" + OTHER, known())

    assert actual.foreign == OTHER
    assert [item.job_id for item in actual.items] == [ID_B]


def test_a_lost_begin_marker_leaves_our_lines_recognizable() -> None:
    actual = block.find(b"A=1\n" + LINE_A + b"\n" + END + b"0 1 * * * mine\n", known())

    assert actual.foreign == b"A=1\n0 1 * * * mine\n"
    assert [item.line for item in actual.items] == [LINE_A]


def test_lines_that_lost_both_markers_are_taken_back() -> None:
    actual = block.find(b"A=1\n" + LINE_A + b"\n" + LINE_B + b"\n", known())

    assert (actual.foreign, len(actual.items)) == (b"A=1\n", 2)


def test_a_copy_of_our_line_with_another_schedule_is_the_users() -> None:
    copy = b"0 6 * * * /home/u/.crontopus/bin/run-job CRONTOPUS:" + ID_A.encode()

    assert block.find(copy + b"\n" + ours(LINE_A), known()).foreign == copy + b"\n"
    assert block.find(copy + b"\n" + LINE_A + b"\n" + END, known()).foreign == copy + b"\n"


def test_a_block_that_stands_twice_is_read_as_one() -> None:
    actual = block.find(ours(LINE_A) + b"0 1 * * * x\n" + ours(LINE_A, LINE_B), known())

    assert actual.foreign == b"0 1 * * * x\n"
    assert [item.job_id for item in actual.items] == [ID_A, ID_A, ID_B]
    assert any("2 times" in note for note in actual.notes)


def test_a_block_that_an_editor_gave_carriage_returns_is_still_ours() -> None:
    raw = (b"A=1\n" + ours(LINE_A)).replace(b"\n", b"\r\n")

    actual = block.find(raw, known())

    assert actual.foreign == b"A=1\r\n"
    assert actual.items[0].line == LINE_A + b"\r"


def test_a_line_of_ours_that_was_commented_out_is_still_recognized() -> None:
    assert block.find(ours(b"#" + LINE_A), known()).items[0].job_id == ID_A


def test_a_line_that_is_not_ours_keeps_every_byte_inside_our_block() -> None:
    raw = BEGIN + LINE_A + b"\n  0 1 * * * \xe9 mine \r\n\n" + END

    actual = block.find(raw, known())

    assert block.compose(actual.foreign, [item.line for item in actual.items], ME, None) == raw


_foreign_lines = st.lists(
    st.one_of(
        st.binary(max_size=30).map(lambda raw: raw.replace(b"\n", b"")),
        st.sampled_from(
            [b"", b"MAILTO=\r", b"* * * * * date +\\%F % in", b"\t0 1 * * *\tx", "# café".encode(), "# café".encode("latin-1")]
        ),
        st.sampled_from(OTHER.splitlines()),
    ),
    max_size=12,
)
_bodies = st.lists(st.sampled_from([LINE_A, LINE_B, b"# mine", b""]), max_size=4)


@given(_foreign_lines, st.booleans(), _bodies)
def test_what_was_put_in_is_found_again_and_nothing_else_changed(lines, has_newline, body) -> None:
    foreign = b"\n".join(lines) + (b"\n" if has_newline and lines else b"")
    before = block.find(foreign, Known(frozenset({ME})))

    table = block.compose(before.foreign, body, ME, before.bare_foreign)
    memory = Known(frozenset({ME}), {}, before.bare_foreign)
    after = block.find(table, memory)

    assert [item.line for item in after.items] == body
    assert block.compose(after.foreign, body, ME, after.bare_foreign) == table
    assert block.compose(after.foreign, [], ME, after.bare_foreign) == foreign


@given(
    st.lists(
        st.sampled_from(
            [BEGIN, END, LINE_A + b"\n", LINE_B + b"\n", b"# mine\n", b"0 1 * * * x\n", *OTHER.splitlines(keepends=True)]
        )
    )
)
def test_however_torn_the_table_no_foreign_line_is_lost_and_one_rewrite_settles_it(lines) -> None:
    raw = b"".join(lines)
    actual = block.find(raw, known())
    body = [item.line for item in actual.items]

    table = block.compose(actual.foreign, body, ME, actual.bare_foreign)

    markers = {BEGIN, END}
    kept = sorted(line for line in lines if line not in markers)
    assert sorted(line for line in table.splitlines(keepends=True) if line not in markers) == kept
    settled = block.compose(actual.foreign, [LINE_A], ME, actual.bare_foreign)
    assert block.compose(block.find(settled, known()).foreign, [LINE_A], ME, None) == settled


def test_a_marked_line_of_somebodys_that_was_moved_into_our_block_is_not_ours() -> None:
    theirs = b"@daily x # CRONTOPUS:" + ID_B.encode()

    actual = block.find(ours(LINE_A, theirs), known())

    assert (actual.foreign, [item.job_id for item in actual.items]) == (theirs + b"\n", [ID_A])


def test_a_torn_block_does_not_swallow_the_marked_lines_below_it() -> None:
    theirs = b"@daily x # CRONTOPUS:" + ID_B.encode() + b"\n"

    assert block.find(BEGIN + LINE_A + b"\n" + theirs, known()).foreign == theirs


MINE = BEGIN + LINE_A + b"\n" + END


@pytest.mark.parametrize(
    ("raw", "foreign", "is_standing"),
    [
        (b"a\n" + MINE, b"a\n", True),
        (MINE, b"", True),
        (b"a\n" + MINE + OTHER, b"a\n" + OTHER, True),
        (b"a\n" + OTHER + MINE, b"a\n" + OTHER, True),
        (b"a\n" + MINE + OTHER + OTHER, b"a\n" + OTHER + OTHER, True),
        (b"a\n" + MINE + b"b\n", b"a\nb\n", False),
        (b"a\n" + MINE + OTHER + b"CRON_TZ=Asia/Tokyo\n", b"a\n" + OTHER + b"CRON_TZ=Asia/Tokyo\n", False),
        (b"a\n" + MINE + OTHER.replace(b"END", b"EN"), b"a\n" + OTHER.replace(b"END", b"EN"), False),
        (b"a" + MINE, b"a", False),
        (b"a\n", b"a\n", False),
    ],
)
def test_a_block_stands_well_last_or_before_blocks_of_other_agents(raw, foreign, is_standing) -> None:
    assert block.stands(raw, foreign, [LINE_A], ME) is is_standing
