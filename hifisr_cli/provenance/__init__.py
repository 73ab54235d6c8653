"""What archives file beside recordings: PREMIS events and BagIt bags, made from the journal."""
