"""The list of Regions has the Regions that botocore publishes."""

from regions import TABLE, rows


def test_the_list_has_the_regions_of_botocore():
    assert rows() in TABLE.read_text(), "run `make regions`"
