"""Quality figures of document binarization: two bool arrays in, numbers out.

The positive class is ink. Every function takes ``(prediction, ground_truth, labelled=None)``:
bool arrays of one shape ``(H, W)``; pixels where ``labelled`` is False count nowhere.
"""
