"""The rule workbench without a screen: what a rule would have caught, tests of rules, exceptions and rules drafted.

It stands between the rules and the history on one side and the screen on the other. Nothing here changes the engine:
every answer is worked out from batches that never change, in whichever thread asks.
"""
